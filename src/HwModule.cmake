# One CMake library per room (DESIGN section 3), and the arrows between them.
#
#   hw_module(store LAYER 2 DEPENDS base model SOURCES db.cpp ... TESTS db_test.cpp ... LINK SQLiteCpp)
#   hw_connector(csv SOURCES ... TESTS ... PEER ... FUZZ ...)
#
# A room may include lower layers only. Two checks at configure time stop with FATAL_ERROR:
#   1. a room named in DEPENDS must have a lower layer;
#   2. every #include "room/..." of a source must name a room in DEPENDS (or the room itself).

# Every flag lives here, once.
add_library(hw_build INTERFACE)
target_compile_features(hw_build INTERFACE cxx_std_20)
target_include_directories(hw_build INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}")
target_compile_options(hw_build INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Werror=thread-safety>)
target_compile_definitions(hw_build INTERFACE $<$<BOOL:${HEADWATER_TEST_HOOKS}>:HEADWATER_TEST_HOOKS=1>)
target_link_libraries(hw_build INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # The compiler collects its garbage less often: measured on the two largest files, a tenth to a fifth less time for a
  # quarter more memory (1.2 GiB at most).
  target_compile_options(hw_build INTERFACE "SHELL:--param ggc-min-expand=100" "SHELL:--param ggc-min-heapsize=524288")
  # g++ 12 warns wrongly inside libstdc++ and fmt at -O2 and under sanitizers (PR105329, PR105651).
  target_compile_options(hw_build INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds
    -Wno-dangling-pointer -Wno-free-nonheap-object)
endif()
if(HEADWATER_SANITIZE)
  target_compile_options(hw_build INTERFACE -fsanitize=${HEADWATER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(hw_build INTERFACE -fsanitize=${HEADWATER_SANITIZE})
endif()

set(HW_LAYERS base:0 model:1 http:2 store:2 connect:3 settings:4 ledger:4 identity:4 ingest:5 journey:5
  reconcile:6 delivery:6 report:7 service:8 web:8 cli:9)

function(hw_layer room out)
  foreach(pair IN LISTS HW_LAYERS)
    if(pair MATCHES "^${room}:([0-9]+)$")
      set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${out} "" PARENT_SCOPE)
endfunction()

# Refuses an #include of a room that is not in `allowed`. `prefix` is put before each source name.
function(hw_check_includes name allowed)
  foreach(source IN LISTS ARGN)
    set(path "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${path}")
    set(files "${path}")
    string(REGEX REPLACE "\\.cpp$" ".h" header "${path}")
    if(EXISTS "${header}")
      list(APPEND files "${header}")
    endif()
    foreach(file IN LISTS files)
      file(STRINGS "${file}" lines REGEX "^#include \"[a-z_]+/")
      foreach(line IN LISTS lines)
        string(REGEX REPLACE "^#include \"([a-z_]+)/.*" "\\1" room "${line}")
        if(NOT room IN_LIST allowed)
          message(FATAL_ERROR "wrong arrow: ${file} includes a header of room '${room}', which '${name}' may not see "
            "(allowed: ${allowed}). Layers: DESIGN section 3, src/HwModule.cmake.")
        endif()
      endforeach()
    endforeach()
  endforeach()
endfunction()

# Tests of all rooms and connectors gather in one binary (see tests/CMakeLists.txt); each also gets its own small one,
# built on demand: `ninja hw_store_test`.
function(hw_tests name)
  if(NOT HEADWATER_TESTS OR NOT ARGN)
    return()
  endif()
  add_library(hw_${name}_tests OBJECT ${ARGN})
  target_link_libraries(hw_${name}_tests PUBLIC hw_${name} hw_build hw_test_paths GTest::gmock rapidcheck)
  target_include_directories(hw_${name}_tests PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  # Without optimisation: what they test is what users run.
  target_compile_options(hw_${name}_tests PRIVATE -O0)
  # Reading the headers is most of their cost.
  set_target_properties(hw_${name}_tests PROPERTIES UNITY_BUILD_BATCH_SIZE 24)
  add_executable(hw_${name}_test EXCLUDE_FROM_ALL)
  target_link_libraries(hw_${name}_test PRIVATE hw_${name}_tests GTest::gmock_main)
  set_property(GLOBAL APPEND PROPERTY HW_TEST_OBJECTS hw_${name}_tests)
endfunction()

function(hw_module name)
  cmake_parse_arguments(M "" "LAYER" "DEPENDS;SOURCES;TESTS;LINK;PRIVATE_LINK" ${ARGN})
  hw_layer(${name} layer)
  if(layer STREQUAL "" OR NOT layer EQUAL M_LAYER)
    message(FATAL_ERROR "room '${name}': layer ${M_LAYER} differs from the table in src/HwModule.cmake ('${layer}')")
  endif()
  foreach(dep IN LISTS M_DEPENDS)
    hw_layer(${dep} dep_layer)
    if(dep_layer STREQUAL "" OR NOT dep_layer LESS layer)
      message(FATAL_ERROR "wrong arrow: room '${name}' (layer ${layer}) may not depend on '${dep}' (layer '${dep_layer}')")
    endif()
  endforeach()
  hw_check_includes(${name} "${name};${M_DEPENDS}" ${M_SOURCES})
  hw_check_includes(${name} "${name};${M_DEPENDS};conformance;sandbox" ${M_TESTS})
  add_library(hw_${name} STATIC ${M_SOURCES})
  add_library(hw::${name} ALIAS hw_${name})
  list(TRANSFORM M_DEPENDS PREPEND hw_)
  target_link_libraries(hw_${name} PUBLIC hw_build ${M_DEPENDS} ${M_LINK} PRIVATE ${M_PRIVATE_LINK})
  hw_tests(${name} ${M_TESTS})
endfunction()

# A connector: everything about one system in one folder. It sees base, model, http and connect alone; its sandbox peer
# sees base, model and the sandbox's frame, and never the connector.
set(HW_CONNECTOR_ROOMS base model http connect)
function(hw_connector name)
  cmake_parse_arguments(C "" "" "SOURCES;TESTS;PEER;PEER_TESTS;FUZZ;LINK;CONFORMANCE" ${ARGN})
  hw_check_includes(${name} "connectors;${HW_CONNECTOR_ROOMS}" ${C_SOURCES})
  hw_check_includes(${name} "connectors;${HW_CONNECTOR_ROOMS};conformance;sandbox" ${C_TESTS})
  hw_check_includes(${name} "connectors;base;model;sandbox" ${C_PEER} ${C_PEER_TESTS})
  add_library(hw_${name} STATIC ${C_SOURCES})
  target_link_libraries(hw_${name} PUBLIC hw_build hw_base hw_model hw_http hw_connect ${C_LINK})
  set_property(GLOBAL APPEND PROPERTY HW_CONNECTORS hw_${name})
  if(HEADWATER_TESTS)
    if(C_PEER)
      add_library(hw_${name}_peer STATIC ${C_PEER})
      target_link_libraries(hw_${name}_peer PUBLIC hw_build hw_base hw_model hw_sandbox_frame)
      target_compile_options(hw_${name}_peer PRIVATE -O1)  # compiles in two thirds of the time, and is quick enough
      set_property(GLOBAL APPEND PROPERTY HW_PEERS hw_${name}_peer)
      hw_tests(${name}_peer ${C_PEER_TESTS})
    endif()
    hw_tests(${name} ${C_TESTS} ${C_CONFORMANCE})
    if(C_TESTS)
      target_link_libraries(hw_${name}_tests PUBLIC hw_conformance $<$<BOOL:${C_PEER}>:hw_${name}_peer>)
    endif()
  endif()
  foreach(fuzz IN LISTS C_FUZZ)
    hw_fuzzer(${name} ${fuzz})
  endforeach()
endfunction()

# What ./dev test --fuzz runs: the program, its folder and its corpus, a line each.
if(HEADWATER_FUZZ)
  add_custom_target(headwater-fuzzers)
  file(WRITE "${CMAKE_BINARY_DIR}/fuzzers.txt" "")
endif()

# fuzz_X.cpp with its seeds in fuzz_X.corpus/ beside it. With HEADWATER_FUZZ a libFuzzer program; in every test build the
# corpus is replayed as a plain test (tests/fuzz/replay.cpp gives main).
function(hw_fuzzer library source)
  get_filename_component(base "${source}" NAME_WE)
  if(HEADWATER_FUZZ)
    add_executable(hw_${library}_${base} ${source})
    target_link_libraries(hw_${library}_${base} PRIVATE hw_${library} hw_build)
    target_link_options(hw_${library}_${base} PRIVATE -fsanitize=fuzzer)
    add_dependencies(headwater-fuzzers hw_${library}_${base})
    file(RELATIVE_PATH folder "${CMAKE_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
    file(APPEND "${CMAKE_BINARY_DIR}/fuzzers.txt" "hw_${library}_${base} ${folder} ${base}.corpus\n")
  elseif(HEADWATER_TESTS)
    add_executable(hw_${library}_${base} ${source} "${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cpp")
    target_link_libraries(hw_${library}_${base} PRIVATE hw_${library} hw_build)
    add_test(NAME fuzz_corpus_${library}_${base} COMMAND hw_${library}_${base} "${CMAKE_CURRENT_SOURCE_DIR}/${base}.corpus")
  endif()
endfunction()
