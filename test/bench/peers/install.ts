export async function installPeers(_peers: readonly string[]): Promise<void> {}
