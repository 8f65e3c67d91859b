import type { Failure, FailureCode } from '../client/failure.ts';
import { type ApiError, type ApiErrorCode, isVersionTooLarge } from '../client/status-error.ts';

/** Why a list or a watch failed, whatever it failed at. */
export interface ListWatchFailure {
  readonly code: ApiErrorCode | FailureCode;
  readonly message: string;
  readonly httpStatus: number;
  readonly retryAfterMs: number;
  /** This API server has not seen the resourceVersion yet. */
  readonly isVersionTooLarge: boolean;
}

export function failureOfApiError(error: ApiError): ListWatchFailure {
  const { code, message, httpStatus, retryAfterMs } = error;
  return { code, message, httpStatus, retryAfterMs, isVersionTooLarge: isVersionTooLarge(error) };
}

export function failureOfTransport(failure: Pick<Failure, 'code' | 'message'>): ListWatchFailure {
  const { code, message } = failure;
  return { code, message, httpStatus: 0, retryAfterMs: 0, isVersionTooLarge: false };
}

/** An answer that makes no sense, though its parts do. */
export function malformed(message: string): ListWatchFailure {
  return { code: 'malformed', message, httpStatus: 200, retryAfterMs: 0, isVersionTooLarge: false };
}

export const SHORT_WATCH: ListWatchFailure = {
  code: 'connection-lost',
  message: 'the watch ended soon and brought nothing',
  httpStatus: 0,
  retryAfterMs: 0,
  isVersionTooLarge: false,
};
