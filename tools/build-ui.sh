#!/bin/sh
# Build the local page into the package, from the sources in frontend/; needs Node.js and npm.
set -eu
cd "$(dirname "$0")/../frontend"
npm ci --silent --ignore-scripts
npm run --silent check
npm run --silent build
