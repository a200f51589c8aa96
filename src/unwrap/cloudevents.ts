/**
 * CloudEvents in binary mode (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md):
 * attributes in `ce-*` headers, percent-encoded; the body is the data, of the type that Content-Type says.
 */
import type { Decoder } from './decoder.ts';

const PREFIX = 'ce-';
const JSON_TYPE = /^application\/(json|[^;]*\+json)\b|^text\/json\b/i;

/** Makes the structured form of a binary one; other bodies are left. Without a body there is no data. */
export const decodeCloudEvent: Decoder = (body, { headers }) => {
  const names = Object.keys(headers).filter((name) => name.startsWith(PREFIX));
  if (names.length === 0) return body;
  const members = names.map((name) => {
    const value = percentDecoded(headers[name] ?? '');
    return `${JSON.stringify(name.slice(PREFIX.length))}:${JSON.stringify(value)}`;
  });
  const type = headers['content-type'] ?? '';
  if (body.length > 0 && type !== '') members.push(`"datacontenttype":${JSON.stringify(type)}`);
  if (body.length === 0) return Buffer.from(`{${members.join(',')}}`);
  if (type === '' || JSON_TYPE.test(type)) {
    return Buffer.concat([Buffer.from(`{${members.join(',')},"data":`), body, Buffer.from('}')]);
  }
  const data = type.startsWith('text/')
    ? `"data":${JSON.stringify(body.toString('utf8'))}`
    : `"data_base64":"${body.toString('base64')}"`;
  return Buffer.from(`{${members.join(',')},${data}}`);
};

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
