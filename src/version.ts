import packageJson from "../package.json" with { type: "json" };

/** The version of this program; tests of the hand-over between two versions set another one. */
export const portwrightVersion: string = process.env["PORTWRIGHT_TEST_VERSION"] ?? packageJson.version;
