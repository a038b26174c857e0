package store

import (
	"context"
	"database/sql"
	"fmt"
)

// IsPooled reports whether a connection goes through a pooler that shares sessions out, as far as
// that can be told: what it was started with did not reach the server. It is false for databases
// other than PostgreSQL, where nothing that this project does needs a session of its own.
func IsPooled(ctx context.Context, db *sql.DB, database string) (bool, error) {
	if database != "postgres" {
		return false, nil
	}
	for name, given := range postgresSession {
		var arrived string
		err := db.QueryRowContext(ctx, "SELECT setting FROM pg_settings WHERE name = $1", name).Scan(&arrived)
		if err != nil {
			return false, fmt.Errorf("looking for a pooler on the way: %w", err)
		}
		if arrived != given {
			return true, nil
		}
	}
	return false, nil
}
