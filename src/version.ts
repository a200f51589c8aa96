/** The release, as package.json has it. Written down here so that a start reads no further file; test/config/cli.test.ts compares the two. */
export const VERSION = '0.1.0';
