// Recorded answers of the peer that ours differ from on purpose, by name of the recording.
export const searchDifferences: Readonly<Record<string, string>> = {};
