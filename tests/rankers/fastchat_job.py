"""FastChat's rating script on clean_battle.json: python fastchat_job.py BATTLES RESULT writes what it saw and found.

A file for another Python: it knows the standard library and what requirements-fastchat.txt installs, nothing of ours.
The script itself runs, as from the command line; it leaves a file in the working folder.
"""

import json
import runpy
import sys
from pathlib import Path

SCRIPT = "fastchat.serve.monitor.elo_analysis"


def main(battles: str, result: str) -> None:
    sys.argv = [SCRIPT, "--clean-battle-file", battles, "--num-bootstrap", "5"]
    ran = runpy.run_module(SCRIPT, run_name="__main__", alter_sys=True)
    seen, results = ran["battles"], ran["results"]
    decisive = seen[seen["anony"] & ~seen["winner"].str.contains("tie")]
    fractions = ran["compute_pairwise_win_fraction"](decisive, None)
    actual = {
        "seen": json.loads(seen.to_json(orient="records")),
        "online": results["elo_rating_online"],
        "final": results["elo_rating_final"].to_dict(),
        "battles": results["leaderboard_table_df"]["num_battles"].to_dict(),
        "last": results["last_updated_tstamp"],
        "fractions": json.loads(fractions.to_json(orient="index")),
    }
    Path(result).write_text(json.dumps(actual), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
