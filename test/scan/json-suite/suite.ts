/**
 * The cases of this folder: bytes that a reader of JSON must accept (y_), must refuse (n_), or may do either with (i_),
 * named in the manner of JSONTestSuite. They are ours. A file holds them by name, as text of which each character is
 * one byte (latin1), alone or with the reason that we give; an i_ case also says why.
 *
 *   structure, numbers, strings, utf8   one JSON value; n_ is `invalid_json` where no reason stands
 *   bodies                              one request body, with the words of `reasonOf` (test/scan/harness.ts)
 *
 * utf8 goes through the rows of table 3-7 of the Unicode Standard (well-formed UTF-8 byte sequences): the ends of
 * each row, each byte one below and one above its range, and each row cut short.
 */
import { readFileSync } from 'node:fs';

export const SuiteClass = { accept: 'y', refuse: 'n', either: 'i' } as const;
export type SuiteClass = (typeof SuiteClass)[keyof typeof SuiteClass];

export interface SuiteCase {
  readonly file: string;
  readonly name: string;
  readonly class: SuiteClass;
  readonly bytes: Buffer;
  /** A whole body instead of one value. */
  readonly isBody: boolean;
  /** `accepted`, or the reason that the scanner gives. */
  readonly reason: string;
  /** Why an i_ case ends so. */
  readonly why: string | undefined;
}

type Row = string | { readonly bytes: string; readonly reason?: string; readonly why?: string };

// From the root of the repository, where npm starts tests and scripts: this file also runs from dist.
const FOLDER = 'test/scan/json-suite';
const FILES = ['structure', 'numbers', 'strings', 'utf8', 'bodies'];

/** Every case, in the order of the files. */
export function readSuite(): SuiteCase[] {
  return FILES.flatMap((file) => {
    const rows = JSON.parse(readFileSync(`${FOLDER}/${file}.json`, 'utf8')) as Record<string, Row>;
    return Object.entries(rows).map(([name, row]) => {
      const { bytes, reason, why } = typeof row === 'string' ? { bytes: row } : row;
      const letter = name[0] as SuiteClass;
      return {
        file,
        name,
        class: letter,
        bytes: Buffer.from(bytes, 'latin1'),
        isBody: file === 'bodies',
        reason: reason ?? (letter === SuiteClass.accept ? 'accepted' : 'invalid_json'),
        why,
      };
    });
  });
}

/** An event that carries `value` as a member of its data. */
export function valueBody(value: Buffer): Buffer {
  return Buffer.concat([Buffer.from(VALUE_PREFIX), value, Buffer.from(VALUE_END)]);
}
export const VALUE_PREFIX =
  '{"event_id":"e","event_type":"t","app_id":"a","device_id":"d","event_data":{"v":';
export const VALUE_END = '}}';
