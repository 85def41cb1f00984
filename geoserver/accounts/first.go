package accounts

import (
	"context"
	"time"

	"wangge/grids"
)

// Made says which accounts a first start made.
type Made struct {
	Name     string // of the administrator; "" when none was made
	Password string // for its first sign-in: to be shown once
	Demo     []grids.Account
}

// First makes the first accounts when there are none: an administrator with a password that must be changed, or those of the demo. For
// servers that start at the same time one of them makes it.
func (a *Accounts) First(ctx context.Context, demo bool) (made Made, err error) {
	list, err := a.o.Store.Accounts(ctx)
	if err != nil || len(list) > 0 {
		return Made{}, err
	}
	if demo {
		made.Demo, err = a.addDemo(ctx)
		return made, err
	}
	account, first, err := a.Add(ctx, grids.Operator, grids.Account{Name: "admin", Display: "系统管理员 System administrator", Grants: []grids.Grant{district(grids.SystemAdmin)}})
	if grids.KindOf(err) == grids.Conflict && err != nil { // another server was first
		return Made{}, nil
	}
	return Made{Name: account.Name, Password: first}, err
}

func district(role grids.Role) grids.Grant {
	return grids.Grant{ID: grids.NewID(), Role: role, Scope: grids.Scope{Level: grids.LevelDistrict}, From: time.Now()}
}

// The areas of the demo's accounts.
const (
	demoTown    = "310151101000" // 城桥镇
	demoVillage = "310151101001" // 南门居委会
)

// demoScope is where the demo's account of a role works: as small an area as the role is usual for.
func demoScope(role grids.Role) grids.Scope {
	switch role {
	case grids.TownDuty, grids.Patrol:
		return grids.Scope{Level: grids.LevelTowns, Code: demoTown}
	case grids.VillageOfficer:
		return grids.Scope{Level: grids.LevelVillages, Code: demoVillage}
	}
	return grids.Scope{Level: grids.LevelDistrict}
}

// addDemo makes one account a role, named like it, all with the [DemoPassword].
func (a *Accounts) addDemo(ctx context.Context) (list []grids.Account, err error) {
	h, err := a.hasher.Hash(ctx, DemoPassword)
	if err != nil {
		return nil, err
	}
	for _, row := range grids.Roles() {
		g := district(row.Role)
		g.Scope = demoScope(row.Role)
		account := grids.Account{ID: grids.NewID(), Name: string(row.Role), Display: row.Title.ZH + " " + row.Title.EN, Demo: true, Grants: []grids.Grant{g}}
		if err := a.o.Store.AddAccount(ctx, grids.Operator, account, h); err != nil {
			return nil, err
		}
		list = append(list, account)
	}
	return list, nil
}

// HasDemo reports whether one of the accounts is of the demo.
func HasDemo(ctx context.Context, store Store) (bool, error) {
	list, err := store.Accounts(ctx)
	for _, a := range list {
		if a.Demo {
			return true, err
		}
	}
	return false, err
}
