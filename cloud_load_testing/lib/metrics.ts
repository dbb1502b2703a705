/** One CloudWatch metric, as GetMetricData queries it. */
export interface Query {
  name: string;
  namespace: string;
  metric: string;
  stat: string;
  dimensions: Record<string, string>;
}

export interface Series {
  name: string;
  /** `[time, value]`, one per minute. */
  points: [string, number][];
}

export interface Resources {
  balancer: string;
  targetGroup: string;
  webGroup: string;
  workerGroup: string;
  database: string;
}

export const periodSeconds = 60;

/** Lists the metrics of balancer, instances and database. */
export function listQueries({ balancer, targetGroup, webGroup, workerGroup, database }: Resources): Query[] {
  const elb = { namespace: 'AWS/ApplicationELB', dimensions: { LoadBalancer: balancer } };
  const target = { namespace: elb.namespace, dimensions: { LoadBalancer: balancer, TargetGroup: targetGroup } };
  const rds = { namespace: 'AWS/RDS', dimensions: { DBInstanceIdentifier: database } };
  const group = (namespace: string, name: string) => ({ namespace, dimensions: { AutoScalingGroupName: name } });
  return [
    { name: 'balancer requests', metric: 'RequestCount', stat: 'Sum', ...elb },
    { name: 'balancer units', metric: 'ConsumedLCUs', stat: 'Sum', ...elb },
    { name: 'balancer 5xx', metric: 'HTTPCode_ELB_5XX_Count', stat: 'Sum', ...elb },
    { name: 'balancer 502', metric: 'HTTPCode_ELB_502_Count', stat: 'Sum', ...elb },
    { name: 'service 5xx', metric: 'HTTPCode_Target_5XX_Count', stat: 'Sum', ...target },
    { name: 'response seconds p50', metric: 'TargetResponseTime', stat: 'p50', ...target },
    { name: 'response seconds p99', metric: 'TargetResponseTime', stat: 'p99', ...target },
    { name: 'web instances ready', metric: 'HealthyHostCount', stat: 'Minimum', ...target },
    {
      name: 'web instances in service',
      metric: 'GroupInServiceInstances',
      stat: 'Maximum',
      ...group('AWS/AutoScaling', webGroup),
    },
    { name: 'web CPU %', metric: 'CPUUtilization', stat: 'Average', ...group('AWS/EC2', webGroup) },
    { name: 'web memory %', metric: 'mem_used_percent', stat: 'Maximum', ...group('anb', webGroup) },
    { name: 'worker CPU %', metric: 'CPUUtilization', stat: 'Average', ...group('AWS/EC2', workerGroup) },
    { name: 'worker memory %', metric: 'mem_used_percent', stat: 'Maximum', ...group('anb', workerGroup) },
    { name: 'database CPU %', metric: 'CPUUtilization', stat: 'Average', ...rds },
    { name: 'database connections', metric: 'DatabaseConnections', stat: 'Maximum', ...rds },
    { name: 'database reads /s', metric: 'ReadIOPS', stat: 'Average', ...rds },
    { name: 'database writes /s', metric: 'WriteIOPS', stat: 'Average', ...rds },
  ];
}

export function toRequest(queries: readonly Query[], from: string, to: string) {
  return {
    StartTime: from,
    EndTime: to,
    ScanBy: 'TimestampAscending',
    MetricDataQueries: queries.map(({ namespace, metric, stat, dimensions }, i) => ({
      Id: `m${i}`,
      MetricStat: {
        Metric: {
          Namespace: namespace,
          MetricName: metric,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        },
        Period: periodSeconds,
        Stat: stat,
      },
    })),
  };
}

export interface MetricResponse {
  MetricDataResults: { Id: string; Timestamps: string[]; Values: number[] }[];
}

/** A metric without data keeps an empty list, so that it is not mistaken for zero. */
export function readSeries(queries: readonly Query[], { MetricDataResults }: MetricResponse): Series[] {
  return queries.map(({ name }, i) => {
    const found = MetricDataResults.find(({ Id }) => Id === `m${i}`);
    const times = found?.Timestamps ?? [];
    return { name, points: times.map((time, at) => [new Date(time).toISOString(), found?.Values[at] ?? Number.NaN]) };
  });
}

/** Describes minimum, mean and maximum of each metric, and how many minutes have data. */
export function describeSeries(series: readonly Series[]): { title: string; head: string[]; rows: string[][] } {
  const format = (value: number) => String(Number(value.toPrecision(4)));
  const rows = series.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    if (values.length === 0) return [name, '0', 'no data', 'no data', 'no data'];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [name, String(values.length), ...[Math.min(...values), mean, Math.max(...values)].map(format)];
  });
  return { title: 'CloudWatch metrics, by minute', head: ['', 'minutes', 'minimum', 'mean', 'maximum'], rows };
}
