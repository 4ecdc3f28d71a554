"""The folder that evidence is saved in: what its files are called, how they are written, and how they are read back.

saved_files ──┬─ mesh_file     mesh.json          ──┬─ saved_run    a run of `verify`
              ├─ probes_file   probes.json        ──┘
              └─ collection    collection.json    ──── beside       what is next to stored logs

In: what a run collected. Out: a folder that `verify --replay` or `audit` judges exactly as the live run did.
"""
