import * as pb from './protobuf-encoder.ts';

export function statusBytes(options: {
  readonly reason: string;
  readonly message: string;
  readonly code: number;
  readonly causes?: readonly { readonly reason: string; readonly message: string }[];
  readonly retryAfterSeconds?: number;
}): Buffer {
  return pb.join([
    pb.text(2, 'Failure'),
    pb.text(3, options.message),
    pb.text(4, options.reason),
    pb.message(5, [
      pb.text(1, 'some-name'),
      pb.text(3, 'pods'),
      ...(options.causes ?? []).map((cause) => pb.message(4, [pb.text(1, cause.reason), pb.text(2, cause.message)])),
      pb.varint(5, options.retryAfterSeconds ?? 0),
    ]),
    pb.varint(6, options.code),
  ]);
}
