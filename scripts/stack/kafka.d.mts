export interface BrokerOptions {
  readonly folder: string;
  readonly node?: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly clusterId: string;
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly listeners?: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly scram?: Readonly<Record<string, { readonly name: string; readonly password: string }>>;
}
export function kafkaClassPath(): string | undefined;
export function installKafka(): boolean;
export function startBroker(options: BrokerOptions): Promise<number>;
export function newClusterId(): string;
