/** The release; `nx release` writes package.json, a test compares the two. The letter is the original's. */
export const VERSION = 'v0.1.0';
