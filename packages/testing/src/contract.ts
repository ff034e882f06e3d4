export function describeQuantizer(): void {}
