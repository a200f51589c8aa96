/** Members of the JSON object in `text`, none where there is no such thing. What they are is for the caller to check. */
export function parseMembers<Members>(text: string | null | undefined): Partial<Members> {
  try {
    return Object(JSON.parse(text ?? '')) as Partial<Members>;
  } catch {
    return {};
  }
}
