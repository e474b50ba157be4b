#include <gtest/gtest.h>

#include <csignal>

#include "bed.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  std::signal(SIGPIPE, SIG_IGN);  // as the server does: a database that goes away is an error, not a signal
  const int result = RUN_ALL_TESTS();
  valise::storage::testing::end_shared_server();
  return result;
}
