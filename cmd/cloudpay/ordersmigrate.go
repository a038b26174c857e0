package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
)

// migrateCmd is one run of orders migrate. The functions never change the tables: many instances
// start at once, and their database user need not have the right to.
type migrateCmd struct {
	storeFlags

	// status only shows which steps were applied.
	status bool
}

// newMigrate makes the command orders migrate. It needs no merchant: all merchants share the
// tables.
func newMigrate(l *render.Language) *cobra.Command {
	m := &migrateCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-migrate", &cobra.Command{
		Args: noArguments,
		RunE: m.run,
	})
	m.register(cmd)
	cmd.Flags().BoolVar(&m.status, "status", false, l.Say("show the steps, and change nothing", "仅查看步骤，不作更改"))
	return cmd
}

// run applies the steps that are lacking, and prints each. A lock in the database lets one run at a
// time migrate. A run that is interrupted leaves whole steps behind, and the next one goes on.
func (m *migrateCmd) run(cmd *cobra.Command, _ []string) error {
	address, _, err := m.where()
	if err != nil {
		return err
	}
	if m.status {
		return m.showStatus(cmd, address)
	}
	steps, err := migrate.Up(cmd.Context(), address)
	// Steps before an error stay applied, so they are printed before it.
	for _, s := range steps {
		m.tell(cmd, s, "✓", m.Say("applied", "已执行")+fmt.Sprintf(" (%.0f ms)", float64(s.Took.Microseconds())/1000))
	}
	if err == nil && len(steps) == 0 && !m.json {
		fmt.Fprintln(cmd.OutOrStdout(), m.Say("nothing to do: the store is up to date", "无需升级：已是最新"))
	}
	return inStore(err)
}

// showStatus prints the steps and the three versions, and returns what is wrong with either
// afterwards.
func (m *migrateCmd) showStatus(cmd *cobra.Command, address string) error {
	// open refuses a SQLite file that is not there. Asking for its status would make it.
	register, err := m.open()
	if err != nil {
		return err
	}
	defer func() { _ = register.Close() }() // it was only read
	steps, err := migrate.Status(cmd.Context(), address)
	if err != nil {
		return inStore(err)
	}
	lacking := m.tellStatus(cmd, steps)
	c, err := register.Compatibility(cmd.Context())
	if err != nil && lacking == nil {
		return inStore(err)
	}
	if err != nil { // the table that says it comes with a step that is lacking
		for _, s := range steps {
			if !s.AppliedAt.IsZero() {
				c.Version = max(c.Version, int(s.Version))
			}
		}
	}
	if unfit := m.tellCompatibility(cmd, c); lacking == nil {
		return unfit
	}
	return lacking
}

// tellStatus prints all steps, and fails when any is lacking: a deployment's script asks before it
// brings up a version that needs them.
func (m *migrateCmd) tellStatus(cmd *cobra.Command, steps []migrate.Step) error {
	lacking := 0
	for _, s := range steps {
		sign, when := "✓", render.Clock(s.AppliedAt)
		if s.AppliedAt.IsZero() {
			lacking++
			sign, when = "✗", m.Say("not applied", "未执行")
		}
		m.tell(cmd, s, sign, when)
	}
	if lacking > 0 {
		return &exitError{exitFault, bilingual.Errorf(
			"the store lacks %d of %d steps: run `cloudpay orders migrate`", "存储缺少 %d 个步骤（共 %d 个）：请运行 `cloudpay orders migrate`",
			lacking, len(steps))}
	}
	return nil
}

// tellCompatibility prints what the database and this program say of each other, and fails when
// they cannot work together.
func (m *migrateCmd) tellCompatibility(cmd *cobra.Command, c store.Compatibility) error {
	if m.json {
		render.JSON(cmd.OutOrStdout(), struct {
			Schema          int `json:"schema"`
			CompatibleSince int `json:"compatibleSince"`
			Program         int `json:"program"`
		}{c.Version, c.Since, c.Program})
	} else {
		fmt.Fprintln(cmd.OutOrStdout(), m.Text(c.Wording()))
	}
	if fault := c.Fault(); fault != (bilingual.Text{}) {
		return &exitError{exitFault, bilingual.Errorf("%s", "%s", fault)}
	}
	return nil
}

// tell prints one step. Its name is that of its file in store/migrations, without the number, which
// stands before it.
func (m *migrateCmd) tell(cmd *cobra.Command, s migrate.Step, sign, what string) {
	name := strings.TrimSuffix(filepath.Base(s.Name), filepath.Ext(s.Name))
	if _, after, numbered := strings.Cut(name, "_"); numbered {
		name = after
	}
	if m.json {
		render.JSON(cmd.OutOrStdout(), struct {
			Version   int64     `json:"version"`
			Name      string    `json:"name"`
			AppliedAt time.Time `json:"appliedAt,omitzero"`
		}{s.Version, name, s.AppliedAt.UTC()})
		return
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %d  %s  %s\n", sign, s.Version, name, what)
}
