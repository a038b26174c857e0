package store

import (
	"context"
	"fmt"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/schedule"
)

// step is the newest step of the schema that this program was written for.
const step = 3

// Compatibility is what a database and this program say of each other. Steps are the numbers of the
// files in internal/store/migrations.
type Compatibility struct {
	// Version is the step that the database's schema is at, and Since the oldest step whose
	// programs can work with it. Both are 0 for a database that does not say.
	Version, Since int
	// Program is the step that this program was written for.
	Program int
}

// Fault says why this program cannot work with the database, and what to do. It is empty if it can.
func (c Compatibility) Fault() bilingual.Text {
	switch {
	case c.Program < c.Since:
		return bilingual.Sprintf("the database's schema (step %d) is for programs of step %d or later, and this one is of step %d:"+
			" deploy a newer version",
			"数据库结构（步骤 %d）要求程序不低于步骤 %d，而本程序为步骤 %d：请部署更新的版本", c.Version, c.Since, c.Program)
	case c.Version < c.Program:
		return bilingual.Sprintf("the database's schema is of step %d, and this program needs step %d: run `cloudpay orders migrate`",
			"数据库结构为步骤 %d，而本程序需要步骤 %d：请运行 `cloudpay orders migrate`", c.Version, c.Program)
	}
	return bilingual.Text{}
}

// Wording is all three numbers in a sentence.
func (c Compatibility) Wording() bilingual.Text {
	return bilingual.Sprintf("the schema is of step %d, for programs of step %d or later; this program is of step %d",
		"数据库结构为步骤 %d，适用于步骤 %d 及以后的程序；本程序为步骤 %d", c.Version, c.Since, c.Program)
}

// incompatibleError is the error of an operation on a database that this program cannot work with.
type incompatibleError struct{ Compatibility }

func (e *incompatibleError) Error() string {
	return fmt.Sprintf("schema %d, compatible since %d, program %d", e.Version, e.Since, e.Program)
}

// Compatibility reads what the database says. A database without the table that says it is of the
// release before, or empty: that is a *schedule.StoreError with the remedy.
func (s *Store) Compatibility(ctx context.Context) (Compatibility, error) {
	c, err := s.readCompatibility(ctx)
	if err != nil {
		return c, s.worded("reading the version of the store", err)
	}
	return c, nil
}

func (s *Store) readCompatibility(ctx context.Context) (Compatibility, error) {
	c := Compatibility{Program: step}
	rows, err := query(tx{ctx: ctx, inner: s.db, d: s.d}, func(scan scanner) (found Compatibility, err error) {
		return found, scan(&found.Version, &found.Since)
	}, "SELECT version, compatible_since FROM cloudpay_schema")
	for _, found := range rows {
		c.Version, c.Since = max(c.Version, found.Version), max(c.Since, found.Since)
	}
	return c, err
}

// compatible checks once that this program can work with the database, before it claims or writes
// anything. After an error the next operation checks again.
func (s *Store) compatible(ctx context.Context) error {
	if s.checked.Load() {
		return nil
	}
	c, err := s.readCompatibility(ctx)
	if err != nil {
		return err
	}
	if c.Fault() != (bilingual.Text{}) {
		return &incompatibleError{c}
	}
	s.checked.Store(true)
	return nil
}

// unfit is the error of an operation whose check has failed, for the caller.
func (e *incompatibleError) unfit(doing string) error {
	return &schedule.StoreError{Doing: doing, Reason: e.Fault(), Lasting: true, Err: e}
}
