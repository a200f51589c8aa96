/** VIEWS of what of `views`, taken as one run of bytes, lies behind its first `bytes`. */
export function viewsBehind(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = bytes;
  for (const view of views) {
    if (skip < view.length) left.push(view.subarray(skip));
    skip = Math.max(0, skip - view.length);
  }
  return left;
}
