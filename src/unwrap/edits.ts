/** Changes of a body as places and texts, made all at once, so that what is not changed stays as it was sent. */

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The body with the edits made, which must stand in order and apart. COPY, or the body itself when there are none. */
export function applyEdits(body: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return body;
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, text } of edits) {
    pieces.push(body.subarray(from, start), Buffer.from(text));
    from = end;
  }
  pieces.push(body.subarray(from));
  return Buffer.concat(pieces);
}

/** Members before the closing brace at `closing` of an object, which has others or is empty. */
export function addMembers(body: Buffer, closing: number, members: readonly string[]): Edit {
  let before = closing - 1;
  while (before > 0 && (body[before] ?? 0) <= 0x20) before--;
  const comma = body[before] === 0x7b ? '' : ',';
  return { start: closing, end: closing, text: comma + members.join(',') };
}
