throw new Error("Zarr is not supported here.");
