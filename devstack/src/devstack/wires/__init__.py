"""TCP fault proxies between servers: links are partitioned or delayed, per direction."""
