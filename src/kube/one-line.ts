/** So much more is looked at: what is cut off in its middle must be known for a secret, too. */
const SECRET_CHARACTERS_MAX = 1000;

/**
 * What others wrote, made fit for logs, events and terminals: on one line, bounded, without characters that control a
 * terminal or turn text around, and without what looks like a secret.
 */
export function oneLine(text: string, charactersMax: number): string {
  const line = text
    .slice(0, charactersMax + SECRET_CHARACTERS_MAX)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return withoutSecrets(line).slice(0, charactersMax).trim();
}

/** Nobody puts secrets into messages on purpose; libraries, webhooks and proxies may quote a header or a URL. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/\b(bearer|basic)\s+([\w.~+/=-]{8,})/gi, (all, scheme: string, token: string) =>
      // `Basic authentication` is none.
      /^[a-z]+$/.test(token) ? all : `${scheme} [redacted]`,
    )
    .replaceAll(/(:\/\/)[^\s/@]+@/g, '$1[redacted]@')
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*/g, '[redacted]');
}

/** The same, with a sign where something was cut off: values in messages may be 256 KiB long. */
export function clipLine(text: string, charactersMax: number): string {
  const shown = oneLine(text, charactersMax + 1);
  // What is longer than is looked at may have been blank there.
  const isCut = shown.length > charactersMax || text.length > charactersMax + SECRET_CHARACTERS_MAX;
  return isCut ? `${shown.slice(0, charactersMax).trim()}…` : shown;
}
