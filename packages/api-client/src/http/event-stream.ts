export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  /** Empty when the event carried no id. */
  readonly id: string;
}

const MAX_EVENT_CHARS = 256 * 1024 * 1024;

/** Reads `text/event-stream` (the WHATWG rules) off a byte stream. Comments keep nothing but the connection alive. */
export async function* readEventStream(body: AsyncIterable<Buffer>, onActivity?: () => void): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  // What has come of the current line, in pieces: a snapshot is one line of many megabytes.
  let pieces: string[] = [];
  let held = 0;
  let event = '';
  let id = '';
  let data: string[] = [];
  for await (const chunk of body) {
    onActivity?.();
    const piece = decoder.decode(chunk, { stream: true });
    if (!/[\n\r]/.test(piece) && pieces.at(-1)?.endsWith('\r') !== true) {
      held += piece.length;
      if (held > MAX_EVENT_CHARS) throw new Error('event too large');
      pieces.push(piece);
      continue;
    }
    const from = Math.max(0, held - 1);
    let text = pieces.join('') + piece;
    let start = 0;
    for (;;) {
      const end = nextLineEnd(text, Math.max(start, from));
      if (end === -1) break;
      // A carriage return at the very end may be half of a pair.
      if (text.charCodeAt(end) === 13 && end + 1 === text.length) break;
      const line = text.slice(start, end);
      start = end + (text.charCodeAt(end) === 13 && text.charCodeAt(end + 1) === 10 ? 2 : 1);
      if (line === '') {
        if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n'), id };
        event = '';
        id = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
      if (field === 'data') data.push(value);
      else if (field === 'event') event = value;
      else if (field === 'id') id = value;
    }
    text = text.slice(start);
    pieces = text === '' ? [] : [text];
    held = text.length;
  }
}

function nextLineEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return at;
  }
  return -1;
}
