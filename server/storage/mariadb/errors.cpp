#include "storage/mariadb/errors.hpp"

#include <errmsg.h>
#include <mysqld_error.h>

namespace valise::storage::mariadb {

Fault sort(unsigned error_number) noexcept {
  switch (error_number) {
    case ER_LOCK_DEADLOCK:      // also what Galera answers when certification fails, at COMMIT too
    case ER_LOCK_WAIT_TIMEOUT:  // undoes one statement only: the transaction is repeated whole all the same
    case ER_CHECKREAD:
      return {ErrorCode::conflict, false};

    // Out of room, or refusing to write for now: the connection is sound.
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
    case ER_GET_ERRNO:  // "got error … from storage engine", such as a full file system
    case ER_ERROR_ON_WRITE:
    case ER_OUT_OF_RESOURCES:
    case ER_OUTOFMEMORY:
    case ER_OPTION_PREVENTS_STATEMENT:  // read_only
    case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
    case ER_STATEMENT_TIMEOUT:
    case ER_QUERY_INTERRUPTED:
    case ER_ERROR_DURING_COMMIT:
    case ER_MAX_PREPARED_STMT_COUNT_REACHED:
    case ER_LOCK_TABLE_FULL:
    case ER_TABLEACCESS_DENIED_ERROR:         // a grant that is being changed
    case ER_BINLOG_STMT_MODE_AND_ROW_ENGINE:  // binlog_format was set to STATEMENT meanwhile
    case ER_UNKNOWN_COM_ERROR:                // a Galera node that is not synced ("WSREP has not yet prepared node")
      return {ErrorCode::unavailable, error_number == ER_UNKNOWN_COM_ERROR};

    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_HOST_IS_BLOCKED:
    case ER_HOST_NOT_PRIVILEGED:
    case ER_ACCESS_DENIED_ERROR:  // at connect: a password that is being rotated
    case ER_DBACCESS_DENIED_ERROR:
    case ER_BAD_DB_ERROR:
    case ER_HANDSHAKE_ERROR:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_CONNECTION_KILLED:
    case ER_ABORTING_CONNECTION:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_NET_READ_ERROR_FROM_PIPE:
    case ER_NET_FCNTL_ERROR:
    case ER_NET_PACKETS_OUT_OF_ORDER:
    case ER_NET_UNCOMPRESS_ERROR:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case ER_UNKNOWN_STMT_HANDLER:
      return {ErrorCode::unavailable, true};

    case CR_NET_PACKET_TOO_LARGE:
    case ER_DATA_TOO_LONG:
    case ER_NET_PACKET_TOO_LARGE:
    case ER_TOO_BIG_ROWSIZE:
      return {ErrorCode::limit, error_number != ER_DATA_TOO_LONG && error_number != ER_TOO_BIG_ROWSIZE};
    case ER_CRASHED_ON_USAGE:
    case ER_NOT_KEYFILE:
    case ER_TABLE_CORRUPT:
      return {ErrorCode::corrupt, false};
    default:
      break;
  }
  if (error_number >= CR_MIN_ERROR && error_number <= CR_MAX_ERROR) return {ErrorCode::unavailable, true};
  if (error_number >= 5000 && error_number < 6000) return {ErrorCode::unavailable, true};  // the connector's own
  return {ErrorCode::internal, false};
}

}  // namespace valise::storage::mariadb
