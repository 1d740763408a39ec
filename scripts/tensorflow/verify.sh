#!/usr/bin/env bash
# Compares model/tensorflow/internal/libtf/include with the headers of a
# TensorFlow release, which its Python package carries: every function of ours
# must have exactly the type that it has there, every structure and constant the
# same layout and value.
set -euo pipefail
cd "$(dirname "$0")/../.."
capi=model/tensorflow/internal/libtf/include
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary=:all: --implementation=cp \
	--python-version=311 --abi=cp311 --platform=manylinux2014_x86_64 --dest="$work" tensorflow-cpu==2.18.1
python3 - "$work" <<'PYTHON'
import glob, sys, zipfile
z = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
z.extractall(sys.argv[1], [n for n in z.namelist() if n.startswith(("tensorflow/include/t", "tensorflow/include/x")) and n.endswith(".h")])
PYTHON

# The constants and sizes as our headers have them, then as theirs must have them.
constants=$(grep -oE '^  TF_[A-Z0-9_]+ = [0-9]+' "$capi/tensorflow/c/c_api.h" | tr -d ' ')
{
	echo '#include "tensorflow/c/c_api.h"'
	echo '#include "tensorflow/c/eager/c_api.h"'
	echo '#include "tensorflow/c/tf_tstring.h"'
	echo '#define FN(result, name, parameters, arguments) \'
	echo '  _Static_assert(__builtin_types_compatible_p(__typeof__(name), result parameters), #name);'
	sed 's/^ \*.*//; s/^\/\*.*//' "$capi/tensorflow/c/functions.h"
	for c in $constants; do
		echo "_Static_assert(${c%=*} == ${c#*=}, \"${c%=*}\");"
	done
	echo '_Static_assert(sizeof(TF_TString) == 24 && _Alignof(TF_TString) == 8, "TF_TString");'
	echo '_Static_assert(sizeof(TF_Buffer) == 24 && sizeof(TF_Output) == 16 && sizeof(TF_Input) == 16, "structures");'
	echo '_Static_assert(sizeof(TF_AttrMetadata) == 32 && offsetof(TF_AttrMetadata, total_size) == 24, "TF_AttrMetadata");'
} >"$work/verify.c"
cc -std=gnu11 -fsyntax-only -I"$work/tensorflow/include" "$work/verify.c"
echo "the declarations agree with TensorFlow 2.18.1: $(grep -c '^FN(' "$capi/tensorflow/c/functions.h") functions, $(wc -w <<<"$constants") constants"
