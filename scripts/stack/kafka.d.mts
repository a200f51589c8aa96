export interface BrokerOptions {
  readonly folder: string;
  readonly node?: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly clusterId: string;
  readonly settings?: Readonly<Record<string, string | number | Readonly<Record<string, string>>>>;
}
export function kafkaClassPath(): string | undefined;
export function installKafka(): boolean;
export function startBroker(options: BrokerOptions): Promise<number>;
export function newClusterId(): string;
