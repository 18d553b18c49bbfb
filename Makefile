# Everything a person types; the work is done by cargo and by scripts/.

CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR

.PHONY: demo build deb image test bench detect clean

# Regtest nodes with traffic, observed. Until Ctrl-C, or for DURATION seconds.
demo:
	@exec scripts/demo $(if $(DURATION),--duration $(DURATION))

build:
	@scripts/install demo
	cargo build --release -p peer-observer

# A package for this machine's release of Debian or Ubuntu and later ones; a container image. See docs/install.md.
deb: build
	@scripts/install deb
	@scripts/deb $(CARGO_TARGET_DIR)/release/peer-observer $(CARGO_TARGET_DIR)/debian

image: build
	@scripts/image $(CARGO_TARGET_DIR)/release/peer-observer $(CARGO_TARGET_DIR)/peer-observer-image.tar

test:
	@scripts/test

# One line of JSON a figure. On a quiet machine.
bench:
	@scripts/install test
	@BITCOIND=$$(scripts/bitcoind) && export BITCOIND \
	    && cargo build --release -p peer-observer -p testbed -p bench \
	    && for figures in log_decode message_decode bus metrics web visitors fleet run traffic tracepoints p2p connectivity archive query import export alerts chain; do $(CARGO_TARGET_DIR)/release/$$figures || exit; done

# How well attacks are found, and how often alerts are wrong: recorded once (an hour and a half, as root), then measured in seconds.
detect:
	@scripts/install test
	@BITCOIND=$$(scripts/bitcoind source) && export BITCOIND \
	    && cargo build --release -p peer-observer -p bench && $(CARGO_TARGET_DIR)/release/detect

clean:
	cargo clean
	rm -rf .cache
