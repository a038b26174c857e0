// Package migrations holds the store's schema, step by step, once for each database: files as goose reads them, the same
// steps under the same names everywhere. A step that was released is never edited; what it lacks is another step.
//
// `cloudpay orders migrate` applies them; the functions do not even link them.
package migrations

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed mysql postgres sqlite
var files embed.FS

// For returns the steps for a database by the name that the store has for it: mysql, postgres or sqlite.
func For(database string) (fs.FS, error) {
	if database == "" {
		return nil, errors.New("migrations: no database was named")
	}
	steps, err := fs.Sub(files, database)
	if err != nil {
		return nil, fmt.Errorf("migrations for %s: %w", database, err)
	}
	return steps, nil
}
