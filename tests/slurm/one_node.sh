#!/bin/sh
# SLURM with one node, on the loopback interface only: one_node.sh start|stop DIR PORT
# Needs root, and Debian's slurm-wlm and munge. DIR holds all it writes; PORT and the next are free.
# Afterwards: SLURM_CONF=DIR/slurm.conf sbatch ...
set -eu
action=$1 dir=$2 port=${3:-0}
PATH=$PATH:/usr/sbin:/sbin

stop() {
  for daemon in slurmd slurmctld munged; do
    if [ -s "$dir/$daemon.pid" ]; then kill "$(cat "$dir/$daemon.pid")" || true; fi
  done
}

start() {
  umask 022
  mkdir -p "$dir/state" "$dir/spool"
  (umask 077 && head -c 64 /dev/urandom >"$dir/munge.key")
  cat >"$dir/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
KillWait=5
DefMemPerCPU=1000
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=1,defer_batch
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 RealMemory=${SLURM_NODE_MB:-3500}
PartitionName=debug Nodes=localhost Default=YES
PartitionName=short Nodes=localhost
END
  munged --force --num-threads 1 --socket "$dir/munge.socket" --key-file "$dir/munge.key" \
    --pid-file "$dir/munged.pid" --log-file "$dir/munged.log" --seed-file "$dir/munge.seed"
  slurmctld -f "$dir/slurm.conf"
  slurmd -f "$dir/slurm.conf" -N localhost
  for _ in $(seq 100); do
    if SLURM_CONF=$dir/slurm.conf sinfo -h -o %T | grep -q idle; then return; fi
    sleep 0.2
  done
  cat "$dir"/*.log >&2
  stop
  exit 1
}

"$action"
