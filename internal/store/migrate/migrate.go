// Package migrate brings a store's schema to its newest form. Only the command line uses it: a function that migrated in
// its cold start would do so in many instances at once, and with rights that it should not have.
package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrations"
)

// Step is one step of the schema.
type Step struct {
	Version int64
	// Name is its file's.
	Name string
	// AppliedAt is zero for a step that was not applied.
	AppliedAt time.Time
	// Took is how long applying it took, for those that Up has applied.
	Took time.Duration
}

// table is where goose remembers what was applied.
const table = "cloudpay_migrations"

// Up applies the steps that the database at an address lacks and returns them, none when it lacks none. Two that do so at
// once wait for each other. A step that fails leaves those before it applied; PostgreSQL and SQLite undo it, MySQL and
// MariaDB cannot undo what creates tables.
func Up(ctx context.Context, address string) ([]Step, error) {
	var steps []Step
	err := with(ctx, address, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			steps = append(steps, Step{Version: r.Source.Version, Name: r.Source.Path, AppliedAt: time.Now(), Took: r.Duration})
		}
		return err
	})
	return steps, err
}

// Status returns all steps, in order, applied or not.
func Status(ctx context.Context, address string) ([]Step, error) {
	var steps []Step
	err := with(ctx, address, func(p *goose.Provider) error {
		all, err := p.Status(ctx)
		for _, s := range all {
			steps = append(steps, Step{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt})
		}
		return err
	})
	return steps, err
}

// errPooled: with a pooler between, the lock that keeps two migrations apart would be taken in one
// session and given back in another, and stay in the pool for ever.
var errPooled = bilingual.Errorf("a connection pooler (such as PgBouncer or RDS Proxy) is on the way, and migrating needs a session "+
	"of its own: name the database's own host and port with --store",
	"途中有连接池（如 PgBouncer、RDS Proxy），而升级需要独占会话：请用 --store 指定数据库自身的地址")

func with(ctx context.Context, address string, work func(*goose.Provider) error) error {
	connector, database, err := store.Connector(address)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	steps, err := migrations.For(database)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	if pooled, err := store.IsPooled(ctx, db, database); err != nil {
		return fmt.Errorf("migrating the %s store: %w", database, err)
	} else if pooled {
		return fmt.Errorf("migrating the %s store: %w", database, errPooled)
	}
	options, err := options(database)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	provider, err := goose.NewProvider(dialects[database], db, steps, options...)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if err := work(provider); err != nil {
		return fmt.Errorf("migrating the %s store: %w", database, err)
	}
	return nil
}

var dialects = map[string]goose.Dialect{
	"mysql": goose.DialectMySQL, "postgres": goose.DialectPostgres, "sqlite": goose.DialectSQLite3,
}

// options names the table and the lock. SQLite locks its file by itself.
func options(database string) ([]goose.ProviderOption, error) {
	options := []goose.ProviderOption{goose.WithTableName(table), goose.WithDisableGlobalRegistry(true)}
	switch database {
	case "postgres":
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("making a lock: %w", err)
		}
		return append(options, goose.WithSessionLocker(locker)), nil
	case "mysql":
		locker, err := lock.NewMySQLTableLocker(lock.WithTableName(table + "_lock"))
		if err != nil {
			return nil, fmt.Errorf("making a lock: %w", err)
		}
		return append(options, goose.WithLocker(locker)), nil
	}
	return options, nil
}
