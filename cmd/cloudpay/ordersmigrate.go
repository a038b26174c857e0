package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/store/migrate"
)

// migrating is one run of orders migrate.
type migrating struct {
	books

	status bool
}

func newMigrate(l *language) *cobra.Command {
	g := &migrating{books: books{language: l}}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: l.say(words("Make the store's tables, or bring them to their newest form", "创建数据库表，或升级到最新结构")),
		Long: l.say(words(`migrate applies the steps that the store's tables lack, and says which. The
functions never do that themselves: run it before the first deployment, and before
a new version is deployed. Running it again does nothing; two that run at once wait
for each other. The user in the address needs the right to create tables. It has to
go past a connection pooler (PgBouncer, RDS Proxy): its lock belongs to a session.

--status only shows which steps were applied, and ends with 1 when any is lacking.`,
			`migrate 执行数据库表缺少的升级步骤，并逐一列出。函数不会自行升级：请在首次部署前、每次部署新版本前
执行。重复执行无副作用；同时执行的会互相等待。地址中的用户须有建表权限，
且须绕过连接池（PgBouncer、RDS Proxy）直连数据库：其锁属于会话。

--status 仅查看已执行的步骤，有缺少时退出码为 1。`)),
		Example: `  cloudpay orders migrate
  cloudpay orders migrate --status`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              g.run,
	}
	g.register(cmd)
	cmd.Flags().BoolVar(&g.status, "status", false, l.say(words("show the steps, and change nothing", "仅查看步骤，不作更改")))
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
			return inStore(err)
		}
		return g.tellStatus(cmd, steps)
	}
	say := g.language.say
	steps, err := migrate.Up(cmd.Context(), address)
	g.tellApplied(cmd, steps)
	if err != nil {
		return inStore(err)
	}
	if len(steps) == 0 && !g.json {
		fmt.Fprintln(cmd.OutOrStdout(), say(words("nothing to do: the store is up to date", "无需升级：已是最新")))
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
	say := g.language.say
	for _, s := range steps {
		if g.json {
			sayJSON(cmd.OutOrStdout(), step{s.Version, nameOfStep(s), s.AppliedAt.UTC()})
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "✓ %d  %s  %s (%.0f ms)\n",
			s.Version, nameOfStep(s), say(words("applied", "已执行")), ms(s.Took))
	}
}

func (g *migrating) tellStatus(cmd *cobra.Command, steps []migrate.Step) error {
	say := g.language.say
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
			sign, when = "✗", say(words("not applied", "未执行"))
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s %d  %s  %s\n", sign, s.Version, nameOfStep(s), when)
	}
	if lacking > 0 {
		return &exitError{exitFault, bilingual.Errorf(
			"the store lacks %d of %d steps: run `cloudpay orders migrate`", "存储缺少 %d 个步骤（共 %d 个）：请运行 `cloudpay orders migrate`",
			lacking, len(steps))}
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
