export function helmProgram(): string | undefined;
export function installHelm(): boolean;
