import { type Runtime, Session } from 'node:inspector';

/**
 * Every value that an object holds, in however many steps, as lines: also in private fields, maps and sets, which
 * `util.inspect` and JSON leave out. Functions are named and not entered, so what only a closure reaches is not the object's.
 */
export function dumpState(root: object): string {
  const session = new Session();
  session.connect();
  const place = globalThis as { stateToDump?: object };
  place.stateToDump = root;
  try {
    return walk(session, 'globalThis.stateToDump');
  } finally {
    delete place.stateToDump;
    session.disconnect();
  }
}

/** The session is of this thread, so every answer is there when `post` returns. */
function ask<T>(session: Session, method: string, params: object): T {
  let result: T | undefined;
  session.post(method, params, (error, answer) => {
    if (error !== null) throw new Error(error.message);
    result = answer as T;
  });
  if (result === undefined) throw new Error(`${method} has no answer`);
  return result;
}

/** Breadth first, each object once: a set in the debugger's world knows which were seen. */
function walk(session: Session, expression: string): string {
  const lines: string[] = [];
  const seen = ask<Runtime.EvaluateReturnType>(session, 'Runtime.evaluate', { expression: 'new WeakSet()' }).result;
  const waiting = [ask<Runtime.EvaluateReturnType>(session, 'Runtime.evaluate', { expression }).result];
  for (let value = waiting.shift(); value !== undefined; value = waiting.shift()) {
    if (value.objectId === undefined || !isNew(session, seen, value)) continue;
    if (value.subtype === 'typedarray' || value.subtype === 'arraybuffer') {
      const text = 'function () { return Buffer.from(this.buffer ?? this).toString("latin1"); }';
      lines.push(String(call(session, value, text).value));
      continue;
    }
    const answer = ask<Properties>(session, 'Runtime.getProperties', {
      objectId: value.objectId,
      ownProperties: true,
    });
    const entries = (answer.internalProperties ?? []).filter(({ name }) => name === '[[Entries]]' || isEntry(name));
    for (const { name, value: held } of [...answer.result, ...(answer.privateProperties ?? []), ...entries]) {
      if (held === undefined) continue;
      lines.push(`${name}: ${held.value === undefined ? (held.description ?? '') : String(held.value)}`);
      if (held.type === 'object') waiting.push(held);
    }
  }
  return lines.join('\n');
}

type Properties = Runtime.GetPropertiesReturnType & {
  readonly privateProperties?: readonly { readonly name: string; readonly value?: Runtime.RemoteObject }[];
};

/** An entry of a map shows what it holds as these. */
function isEntry(name: string): boolean {
  return name === 'key' || name === 'value';
}

function isNew(session: Session, seen: Runtime.RemoteObject, value: Runtime.RemoteObject): boolean {
  const text = 'function (value) { const isNew = !this.has(value); this.add(value); return isNew; }';
  return call(session, seen, text, value).value === true;
}

function call(
  session: Session,
  target: Runtime.RemoteObject,
  functionDeclaration: string,
  argument?: Runtime.RemoteObject,
): Runtime.RemoteObject {
  const { result } = ask<Runtime.CallFunctionOnReturnType>(session, 'Runtime.callFunctionOn', {
    objectId: target.objectId,
    functionDeclaration,
    arguments: argument === undefined ? [] : [{ objectId: argument.objectId }],
    returnByValue: true,
  });
  return result;
}
