# A Bitcoin Core that can be observed by all means: with tracepoints and IPC, and if it is to find bugs, with sanitizers.
{
  lib,
  bitcoind,
  capnproto,
  fetchFromGitHub,
  libsystemtap,
  # Another version than that of nixpkgs: "30.2", with the hash of its source.
  version ? null,
  hash ? lib.fakeHash,
  # "address", "undefined", "thread" and so on, as for -DSANITIZERS; "address" and "thread" exclude each other.
  sanitizers ? [ ],
  # End the process when the code finds that an assumption is wrong.
  abortOnFailedAssume ? sanitizers != [ ],
  patches ? [ ],
}:

bitcoind.overrideAttrs (
  old:
  {
    patches = (old.patches or [ ]) ++ patches;
    buildInputs = (old.buildInputs or [ ]) ++ [
      capnproto
      libsystemtap
    ];
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [ capnproto ];
    cmakeFlags =
      (old.cmakeFlags or [ ])
      ++ [
        (lib.cmakeBool "WITH_USDT" true)
        (lib.cmakeBool "ENABLE_IPC" true)
      ]
      ++ lib.optional (sanitizers != [ ]) (lib.cmakeFeature "SANITIZERS" (lib.concatStringsSep "," sanitizers))
      ++ lib.optional abortOnFailedAssume (lib.cmakeFeature "APPEND_CPPFLAGS" "-DABORT_ON_FAILED_ASSUME");
    # Stacks in reports of sanitizers and core dumps have names.
    dontStrip = sanitizers != [ ] || (old.dontStrip or false);
    # With sanitizers, tests take hours.
    doCheck = sanitizers == [ ] && (old.doCheck or false);
  }
  // lib.optionalAttrs (version != null) {
    inherit version;
    # It checks the signatures of the release that nixpkgs has.
    preUnpack = "";
    src = fetchFromGitHub {
      owner = "bitcoin";
      repo = "bitcoin";
      rev = "v${version}";
      inherit hash;
    };
  }
)
