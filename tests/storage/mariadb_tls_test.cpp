// TCP with a private CA made here: the right certificate passes, nothing else does, and clear text never.
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>

#include "bed.hpp"

namespace valise::storage::testing {
namespace {

using ::testing::HasSubstr;

// Certificates by the openssl command. P-256, valid for a day; the folder's path has no characters that a shell minds.
class Authority {
 public:
  Authority(const TemporaryFolder& folder, const std::string& name) : folder_(folder), name_(name) {
    run(
        fmt::format("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN={0} "
                    "-keyout {1}/{0}.key -out {1}/{0}.pem",
                    name, folder.path()));
  }
  // A certificate and key for `names`, such as "DNS:localhost,IP:127.0.0.1".
  void sign(const std::string& subject, const std::string& names) const {
    std::ofstream(folder_.path(subject + ".ext")) << "subjectAltName=" << names << '\n';
    run(
        fmt::format("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={0} "
                    "-keyout {1}/{0}.key -out {1}/{0}.csr",
                    subject, folder_.path()));
    run(
        fmt::format("x509 -req -in {1}/{0}.csr -CA {1}/{2}.pem -CAkey {1}/{2}.key -CAcreateserial -days 1 "
                    "-extfile {1}/{0}.ext -out {1}/{0}.pem",
                    subject, folder_.path(), name_));
  }
  [[nodiscard]] std::string file() const { return folder_.path(name_ + ".pem"); }

 private:
  void run(const std::string& arguments) const {
    if (std::system(fmt::format("openssl {} > {}/openssl.log 2>&1", arguments, folder_.path()).c_str()) != 0) {
      throw std::runtime_error("openssl " + arguments);
    }
  }
  const TemporaryFolder& folder_;
  std::string name_;
};

class MariadbTls : public ::testing::Test {
 protected:
  MariadbTls() {
    ours.sign("server", "DNS:localhost,IP:127.0.0.1");
    ours.sign("elsewhere", "DNS:db.elsewhere.example");
    ours.sign("client", "DNS:valise");
    database = shared_server().fresh_database().database;
    Client root(shared_server().socket());
    root.query("CREATE OR REPLACE USER 'remote'@'127.0.0.1' IDENTIFIED BY 'secret'");
    root.query(fmt::format("GRANT ALL ON {}.* TO 'remote'@'127.0.0.1'", database));
    std::ofstream(folder.path("password")) << "secret\n";
    std::filesystem::permissions(folder.path("password"), std::filesystem::perms::owner_read);
  }
  ~MariadbTls() override { shared_server().start(); }

  // The server with a certificate, and the options that should reach it.
  MariadbOptions serve(const std::string& certificate) {
    shared_server().start({"--ssl-ca=" + ours.file(), "--ssl-cert=" + folder.path(certificate + ".pem"),
                           "--ssl-key=" + folder.path(certificate + ".key")});
    return options();
  }
  MariadbOptions options() {
    return {.host = "127.0.0.1",
            .port = shared_server().port(),
            .user = "remote",
            .password_file = folder.path("password"),
            .database = database,
            .ca_file = ours.file()};
  }
  // What migrate() says: the first thing that connects.
  static Result<> connect(const MariadbOptions& options) { return must(open_mariadb(options))->migrate(); }
  static void refused(const MariadbOptions& options) {
    const auto done = connect(options);
    ASSERT_FALSE(done) << "connected";
    EXPECT_EQ(done.error().code, ErrorCode::unavailable);
    EXPECT_THAT(done.error().text,
                ::testing::AnyOf(HasSubstr("SSL"), HasSubstr("TLS"), HasSubstr("ertificate"), HasSubstr("2026")));
  }

  TemporaryFolder folder;
  Authority ours{folder, "ours"};
  std::string database;
};

TEST_F(MariadbTls, TheRightAuthorityAndNamePass) {
  auto right = serve("server");
  for (const auto* host : {"127.0.0.1", "localhost"}) {
    right.host = host;
    const auto done = connect(right);
    ASSERT_TRUE(done) << host << ": " << done.error().text;
  }
  auto store = must(open_mariadb(right));
  EXPECT_THAT(store->describe(), HasSubstr("TLS"));
  auto writer = must(store->open_writer());
  const auto set = to_one(5, "alice@valise.example");
  const WriteSet* sets[] = {&set};
  ASSERT_TRUE(writer->commit(sets));
  EXPECT_TRUE(must(must(store->open_reader())->has_message(5)));
}

TEST_F(MariadbTls, AClientCertificateIsShownWhereTheServerAsksForOne) {
  auto right = serve("server");
  Client(shared_server().socket()).query("ALTER USER 'remote'@'127.0.0.1' REQUIRE X509");
  EXPECT_FALSE(connect(right));
  right.cert_file = folder.path("client.pem");
  right.key_file = folder.path("client.key");
  const auto done = connect(right);
  EXPECT_TRUE(done) << done.error().text;
}

TEST_F(MariadbTls, AnotherAuthorityIsRefused) {
  auto wrong = serve("server");
  const Authority theirs(folder, "theirs");
  wrong.ca_file = theirs.file();
  refused(wrong);
}

TEST_F(MariadbTls, ACertificateForAnotherHostIsRefused) { refused(serve("elsewhere")); }

TEST_F(MariadbTls, AServerWithoutTlsIsRefusedInsteadOfClearText) {
  shared_server().start({"--skip-ssl"});
  refused(options());
}

TEST_F(MariadbTls, AHostWithoutAnAuthorityIsNoValidOption) {
  auto careless = options();
  careless.ca_file.clear();
  EXPECT_EQ(open_mariadb(careless).error().code, ErrorCode::invalid);
  careless.ca_file = folder.path("missing.pem");
  EXPECT_EQ(open_mariadb(careless).error().code, ErrorCode::invalid);
  auto both = options();
  both.unix_socket = shared_server().socket();
  EXPECT_EQ(open_mariadb(both).error().code, ErrorCode::invalid);
  EXPECT_EQ(open_mariadb({.user = "u", .database = "d"}).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace valise::storage::testing
