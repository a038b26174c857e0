// Package migrations holds the store's schema as steps for goose, one folder for each database. All
// folders have the same steps under the same names. A released step is never edited: a later step
// corrects it.
//
// `cloudpay orders migrate` applies them. The functions do not link them.
package migrations

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed mysql postgres sqlite
var files embed.FS

// For returns the steps of a database, by the store's name for it: mysql, postgres or sqlite.
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
