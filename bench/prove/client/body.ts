/**
 * Bodies of numbered events. Event `n` of client `c` has the id `<prefix>-<c, 2 digits>-<n, 10 digits>`, and `n` once
 * more in `event_data`, so that a query can count both ids and contents. A body is a template whose digits are written
 * over: it costs the generator next to nothing.
 */

/** Digits of `n` in an id; count.ts reads them from its end. */
export const NUMBER_DIGITS = 10;

export class NumberedBody {
  /** VIEW, changed by the next `write`. */
  readonly bytes: Buffer;
  /** Places of the digits, two an event. */
  readonly #places: number[] = [];
  readonly #events: number;

  constructor(prefix: string, client: number, events: number) {
    this.#events = events;
    const zeros = '0'.repeat(NUMBER_DIGITS);
    const id = `${prefix}-${String(client).padStart(2, '0')}-`;
    const parts: string[] = [];
    let length = 0;
    const add = (text: string) => {
      parts.push(text);
      length += text.length;
    };
    const addDigits = () => {
      this.#places.push(length);
      add(zeros);
    };
    for (let index = 0; index < events; index++) {
      add(`${index === 0 ? '[' : ','}{"event_id":"${id}`);
      addDigits();
      add(
        `","event_type":"${index % 3 === 0 ? 'purchase' : 'page_view'}","app_id":"prove","device_id":"device-${client}-${index}","platform":"ios","event_data":{"n":"`,
      );
      addDigits();
      add(
        `","plan":"pro","price":${index}.25,"path":"/products/${index}"},"context":{"locale":"de-DE","screen":{"width":390,"height":844}}}`,
      );
    }
    add(']');
    this.bytes = Buffer.from(parts.join(''), 'latin1');
  }

  /** Makes it the body of the events from `first` on. */
  write(first: number): void {
    for (let index = 0; index < this.#events; index++) {
      const digits = String(first + index).padStart(NUMBER_DIGITS, '0');
      this.bytes.write(digits, this.#places[2 * index] ?? 0, 'latin1');
      this.bytes.write(digits, this.#places[2 * index + 1] ?? 0, 'latin1');
    }
  }
}
