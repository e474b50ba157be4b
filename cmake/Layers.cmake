# A wrong include does not compile: every layer and module gets a private include root that holds only a link
# to its own folder. `#include "xml/element.hpp"` is found only by targets that link valise_xml, and so on down.
set(VALISE_INC ${CMAKE_BINARY_DIR}/inc)

function(_valise_root target folder name)
  set(root ${VALISE_INC}/${target})
  get_filename_component(parent ${root}/${name} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${folder} ${root}/${name} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${root})
endfunction()

# valise_layer(xml SOURCES a.cpp … USES base …)  → target valise_xml from server/xml
function(valise_layer name)
  cmake_parse_arguments(A "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  set(target valise_${name})
  add_library(${target} STATIC ${A_SOURCES})
  target_link_libraries(${target} PRIVATE valise_flags)
  foreach(used ${A_USES})
    target_link_libraries(${target} PUBLIC valise_${used})
  endforeach()
  target_link_libraries(${target} PUBLIC ${A_LIBRARIES})
  _valise_root(${target} ${CMAKE_CURRENT_SOURCE_DIR} ${name})
  _valise_pch(${target})
endfunction()

# valise_module(roster SOURCES … [USES …]) → target valise_mod_roster from modules/roster; headers are
# seen as "modules/roster/….hpp" by this module and its tests only. FOLDER: below modules, if it is not called like the
# module.
function(valise_module name)
  cmake_parse_arguments(A "" "FOLDER" "SOURCES;USES;LIBRARIES" ${ARGN})
  if(NOT A_FOLDER)
    set(A_FOLDER ${name})
  endif()
  set(target valise_mod_${name})
  add_library(${target} STATIC ${A_SOURCES})
  target_link_libraries(${target} PRIVATE valise_flags PUBLIC valise_core)
  foreach(used ${A_USES})
    target_link_libraries(${target} PUBLIC valise_${used})
  endforeach()
  target_link_libraries(${target} PUBLIC ${A_LIBRARIES})
  _valise_root(${target} ${CMAKE_CURRENT_SOURCE_DIR} modules/${A_FOLDER})
  _valise_pch(${target})
  set_property(GLOBAL APPEND PROPERTY VALISE_MODULES ${name})
endfunction()

function(valise_program name)
  cmake_parse_arguments(A "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE valise_flags)
  foreach(used ${A_USES})
    target_link_libraries(${name} PRIVATE valise_${used})
  endforeach()
  target_link_libraries(${name} PRIVATE ${A_LIBRARIES})
endfunction()

# What a run under sanitizers, fuzzers or faults needs of its preset, and no more.
add_custom_target(unit_tests)
add_custom_target(fuzzers)

# valise_unit_test(jid SOURCES jid_test.cpp USES core) → ctest "unit.jid"
function(valise_unit_test name)
  cmake_parse_arguments(A "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  set(target unit_${name})
  add_executable(${target} ${A_SOURCES})
  target_link_libraries(${target} PRIVATE valise_flags GTest::gtest GTest::gtest_main GTest::gmock ${A_LIBRARIES})
  foreach(used ${A_USES})
    target_link_libraries(${target} PRIVATE valise_${used})
  endforeach()
  target_compile_definitions(${target} PRIVATE VALISE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  valise_compiles_as_test(${target})
  add_dependencies(unit_tests ${target})
  set(test ${VALISE_TEST_PREFIX}unit.${name})
  add_test(NAME ${test} COMMAND ${target} --gtest_brief=1)
  set_tests_properties(${test} PROPERTIES LABELS "unit;quick" TIMEOUT 300)
endfunction()

# valise_fuzzer(jid SOURCES jid_fuzz.cpp USES core [DICTIONARY xml.dict]): with VALISE_FUZZ a libFuzzer binary and
# ctest "fuzz.jid", which runs it for VALISE_FUZZ_SECONDS; otherwise "corpus.jid", a plain runner over the committed
# corpus tests/fuzz/corpus/<name>, so that the target never rots.
function(valise_fuzzer name)
  cmake_parse_arguments(A "" "DICTIONARY" "SOURCES;USES;LIBRARIES" ${ARGN})
  set(target fuzz_${name})
  set(folder ${CMAKE_SOURCE_DIR}/tests/fuzz)
  add_executable(${target} ${A_SOURCES})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE valise_flags ${A_LIBRARIES})
  foreach(used ${A_USES})
    target_link_libraries(${target} PRIVATE valise_${used})
  endforeach()
  add_dependencies(fuzzers ${target})
  if(VALISE_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    if(A_DICTIONARY)
      set(dictionary -dict=${folder}/${A_DICTIONARY})
    endif()
    add_test(NAME fuzz.${name} COMMAND ${folder}/run.sh $<TARGET_FILE:${target}> ${CMAKE_BINARY_DIR} ${dictionary})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS "fuzz" PROCESSORS 2)  # no TIMEOUT: ./dev fuzz knows how long they run
  else()
    target_sources(${target} PRIVATE ${folder}/replay_main.cpp)
    set(test ${VALISE_TEST_PREFIX}corpus.${name})
    add_test(NAME ${test} COMMAND ${target} ${folder}/corpus/${name})
    set_tests_properties(${test} PROPERTIES LABELS "corpus;quick" TIMEOUT 120)
  endif()
endfunction()

# The text of tests is compiled without optimization, and GoogleTest's headers once: 40 % less to wait for.
set(VALISE_TEST_FLAGS -O0 -U_FORTIFY_SOURCE)  # which needs optimization
function(valise_compiles_as_test target)
  if(NOT TARGET valise_test_headers)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/tests/headers.cpp CONTENT "")
    add_library(valise_test_headers OBJECT ${CMAKE_BINARY_DIR}/tests/headers.cpp)
    set_target_properties(valise_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(valise_test_headers PRIVATE -fPIE ${VALISE_TEST_FLAGS})  # as the programs that use it
    target_link_libraries(valise_test_headers PRIVATE valise_flags GTest::gtest GTest::gmock)
    target_precompile_headers(valise_test_headers PRIVATE
      <algorithm> <array> <atomic> <chrono> <cstdint> <cstring> <deque> <expected> <filesystem> <fstream> <functional>
      <map> <memory> <optional> <random> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant>
      <vector> <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  target_compile_options(${target} PRIVATE ${VALISE_TEST_FLAGS})
  target_precompile_headers(${target} REUSE_FROM valise_test_headers)
endfunction()

# One precompiled header of the standard library, built once with valise_base and shared by all layers. VALISE_UNITY: a
# dozen sources at a time are one, but for those whose own names another has too.
set(VALISE_APART
  ciphers.cpp mariadb_migrations.cpp picture_png.cpp picture_webp.cpp local_ca.cpp response.cpp parser.cpp lua_matchers.cpp bosh_body.cpp host.cpp
  wire_read.cpp device.cpp language.cpp drain.cpp messages.cpp presence.cpp published.cpp ways.cpp handlers.cpp
  switches.cpp modes.cpp orders.cpp node_fields.cpp strangers.cpp control_commands.cpp control_omemo.cpp
  control_service.cpp control_policy.cpp lua_facts.cpp lua_keeping.cpp lua_parties.cpp read_record.cpp
  ldap_syntax.cpp)
function(_valise_pch target)
  if(VALISE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    get_target_property(sources ${target} SOURCES)
    foreach(source ${sources})
      get_filename_component(file ${source} NAME)
      if(file IN_LIST VALISE_APART)
        set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
      endif()
    endforeach()
  endif()
  if(target STREQUAL "valise_base")
    target_precompile_headers(${target} PRIVATE
      <algorithm> <array> <chrono> <cstdint> <cstring> <expected> <functional> <memory> <optional>
      <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
  else()
    target_precompile_headers(${target} REUSE_FROM valise_base)
  endif()
endfunction()
