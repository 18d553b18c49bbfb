# Included after Bitcoin Core's project(): in a unity build, the sources that define the same names as others are compiled on their own.
set(own_units index/coinstatsindex.cpp node/chainstate.cpp)
list(TRANSFORM own_units PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/src/)
cmake_language(DEFER CALL set_property SOURCE ${own_units} TARGET_DIRECTORY bitcoin_node PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
