#!/bin/bash
# One participant per task of a SLURM job array, and the group level after all of them:
#
#   sbatch --array=1-40%10 slurm_array.sh /data /out     # 40 participants, 10 at a time
#   sbatch --dependency=afterany:JOBID slurm_array.sh /data /out
#
# BIDS_DEFACE holds the command; for a container (Singularity, Apptainer):
#   export BIDS_DEFACE="apptainer exec -B /data:/data:ro -B /out bids-deface.sif bids-deface"
#SBATCH --job-name=bids-deface
#SBATCH --cpus-per-task=1
#SBATCH --mem=3G
#SBATCH --time=01:00:00
set -eu
bids_dir=$1 out_dir=$2
shift 2
read -ra command <<<"${BIDS_DEFACE:-bids-deface}"
if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
  exec "${command[@]}" "$bids_dir" "$out_dir" group "$@"
fi
# The n-th participant, in order of names.
folders=("$bids_dir"/sub-*/)
folder=${folders[SLURM_ARRAY_TASK_ID - 1]}
# exec: what SLURM sends when time is up must reach bids-deface, which then tidies up.
exec "${command[@]}" "$bids_dir" "$out_dir" participant --participant-label "$(basename "$folder")" "$@"
