/**
 * What others wrote, made fit for logs, events and terminals: on one line, bounded, and without characters that control a
 * terminal or turn text around.
 */
export function oneLine(text: string, charactersMax: number): string {
  return text
    .slice(0, charactersMax)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
}

/** The same, with a sign where something was cut off: values in messages may be 256 KiB long. */
export function clipLine(text: string, charactersMax: number): string {
  const shown = oneLine(text, charactersMax);
  return text.length > charactersMax ? `${shown}…` : shown;
}
