/** As package.json beside this file has them; a test compares. */
export const LIBRARY = { name: 'penstock-client', version: '0.1.0' } as const;
