# Fails unless FILE holds exactly what PROGRAM prints with FLAG.
execute_process(COMMAND ${PROGRAM} ${FLAG} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
set(committed "")
if(EXISTS ${FILE})
  file(READ ${FILE} committed)
endif()
if(NOT printed STREQUAL committed)
  message(FATAL_ERROR "${FILE} is not what ${PROGRAM} ${FLAG} prints: run ./dev docs and commit")
endif()
