# TensorFlow for the Makefile: TENSORFLOW_TAGS and TENSORFLOW_ENV for the go
# command, and what the target tensorflow needs. A build needs a C compiler but
# no TensorFlow; MODELSERVER_TENSORFLOW_DIR names a library that is there already.

ifeq ($(shell uname -s),Linux)
ifneq ($(shell command -v cc),)

TENSORFLOW_TAGS := tensorflow
TENSORFLOW_DIR := $(or $(MODELSERVER_TENSORFLOW_DIR),$(CACHE)/tensorflow)
TENSORFLOW_CAPI := $(CURDIR)/model/tensorflow/internal/libtf
TENSORFLOW_ENV := CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -I$(TENSORFLOW_CAPI)/include" \
	CGO_LDFLAGS="-O2 -g -L$(TENSORFLOW_CAPI)/lib" MODELSERVER_TENSORFLOW_DIR="$(TENSORFLOW_DIR)"

# For the go command by hand: eval "$$(make -s tensorflow-env)"
.PHONY: tensorflow-env
tensorflow-env:
	@for v in $(TENSORFLOW_ENV); do case $$v in *=*) printf "export %q\n" "$$v";; esac; done

ifeq ($(MODELSERVER_TENSORFLOW_DIR),)
tensorflow: $(TENSORFLOW_DIR)/ready

$(TENSORFLOW_DIR)/ready: scripts/tensorflow/main.go
	go run ./scripts/tensorflow -home $(TENSORFLOW_DIR)
	@touch $@
endif

endif
endif

# After a change of functions.h or of TensorFlow's release: does the list agree
# with the headers of the release?
.PHONY: tensorflow-verify
tensorflow-verify: ## compare our declarations of TensorFlow's C API with its own headers
	scripts/tensorflow/verify.sh
