/**
 * Whose body it is, where the path does not say: several SDKs share `/batch`, some let their users choose any path,
 * and a host alone gives `/`. The members of the outermost object decide; of a list, those of its first event.
 */
import { eachElement, eachMember, isArray, isObject, isText, skipSpace } from './json-walk.ts';

/** Name of the dialect that the body is of, or undefined when it is nobody's. */
export function recognise(body: Buffer): string | undefined {
  const start = skipSpace(body, 0, body.length);
  if (isArray(body, start)) {
    let first = -1;
    eachElement(body, start, body.length, (from) => {
      first = from;
      return true;
    });
    return membersOf(body, first).has('specversion') ? 'cloudevents' : undefined;
  }
  const members = membersOf(body, start);
  const isList = (name: string) => isArray(body, members.get(name) ?? -1);
  const isString = (name: string) => isText(body, members.get(name) ?? -1);
  if (isString('specversion')) return 'cloudevents';
  if (isList('events') && isString('api_key')) return 'amplitude';
  if (isList('batch') && isString('api_key')) return 'posthog';
  if (isList('batch')) return 'segment';
  if (isList('data') && isString('schema')) return 'snowplow';
  return undefined;
}

/** Where the values of an object's members begin. Only the first of many members are looked at. */
function membersOf(body: Buffer, start: number): Map<string, number> {
  const members = new Map<string, number>();
  if (!isObject(body, start)) return members;
  eachMember(body, start, body.length, (keyStart, keyEnd, valueStart) => {
    members.set(body.toString('latin1', keyStart, keyEnd), valueStart);
    return members.size === MEMBERS_MAX;
  });
  return members;
}

/** Envelopes have a handful. */
const MEMBERS_MAX = 64;
