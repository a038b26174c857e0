package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/store/migrate"
)

// migrating is one run of orders migrate.
type migrating struct {
	books

	status bool
}

func newMigrate() *cobra.Command {
	g := &migrating{}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Make the store's tables, or bring them to their newest form",
		Long: `migrate applies the steps that the store's tables lack, and says which. The
functions never do that themselves: run it before the first deployment, and before
a new version is deployed. Running it again does nothing; two that run at once wait
for each other. The user in the address needs the right to create tables. It has to
go past a connection pooler (PgBouncer, RDS Proxy): its lock belongs to a session.

--status only shows which steps were applied, and ends with 1 when any is lacking.

创建或升级数据库表；函数不会自行升级，请在部署前执行。须绕过连接池直连数据库。--status 仅查看。`,
		Example: `  cloudpay orders migrate
  cloudpay orders migrate --status`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              g.run,
	}
	g.register(cmd)
	cmd.Flags().BoolVar(&g.status, "status", false, "show the steps, and change nothing")
	return cmd
}

func (g *migrating) run(cmd *cobra.Command, _ []string) error {
	address, said, err := g.where()
	if err != nil {
		return err
	}
	if err := checkAddress(address, said); err != nil {
		return err
	}
	if g.status {
		// Asking SQLite would make the file.
		if _, err := g.open(); err != nil {
			return err
		}
		steps, err := migrate.Status(cmd.Context(), address)
		if err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		return g.tellStatus(cmd, steps)
	}
	steps, err := migrate.Up(cmd.Context(), address)
	g.tellApplied(cmd, steps)
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	if len(steps) == 0 && !g.json {
		fmt.Fprintln(cmd.OutOrStdout(), words{"nothing to do: the store is up to date", "无需升级：已是最新"}.in(g.language.chinese()))
	}
	return nil
}

// step is one step as JSON.
type step struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"appliedAt,omitzero"`
}

func (g *migrating) tellApplied(cmd *cobra.Command, steps []migrate.Step) {
	chinese := g.language.chinese()
	for _, s := range steps {
		if g.json {
			sayJSON(cmd.OutOrStdout(), step{s.Version, nameOfStep(s), s.AppliedAt.UTC()})
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "✓ %d  %s  %s (%.0f ms)\n",
			s.Version, nameOfStep(s), words{"applied", "已执行"}.in(chinese), ms(s.Took))
	}
}

func (g *migrating) tellStatus(cmd *cobra.Command, steps []migrate.Step) error {
	chinese := g.language.chinese()
	lacking := 0
	for _, s := range steps {
		if s.AppliedAt.IsZero() {
			lacking++
		}
		if g.json {
			sayJSON(cmd.OutOrStdout(), step{s.Version, nameOfStep(s), utc(s.AppliedAt)})
			continue
		}
		sign, when := "✓", clock(s.AppliedAt)
		if s.AppliedAt.IsZero() {
			sign, when = "✗", words{"not applied", "未执行"}.in(chinese)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %d  %s  %s\n", sign, s.Version, nameOfStep(s), when)
	}
	if lacking > 0 {
		return &exitError{exitFault, fmt.Errorf("the store lacks %d of %d steps: run `cloudpay orders migrate`", lacking, len(steps))}
	}
	return nil
}

// nameOfStep is its file's, without what says again which one it is.
func nameOfStep(s migrate.Step) string {
	name := strings.TrimSuffix(filepath.Base(s.Name), filepath.Ext(s.Name))
	if _, after, numbered := strings.Cut(name, "_"); numbered {
		return after
	}
	return name
}
