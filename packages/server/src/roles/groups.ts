import { apiErrors, type GroupView, routes } from "@sealane/api";
import { type Name, parseName } from "@sealane/wire";
import type { FastifyInstance } from "fastify";
import { acceptJson, JsonBody } from "../http/bodies.ts";
import { operatorOnly } from "../http/operator-only.ts";
import { changeMembers, createGroup, rotateGroup } from "../key/groups.ts";
import type { KeyRole } from "../key/key-role.ts";
import { maxMembersAtOnce } from "../limits.ts";
import type { Group } from "../storage/groups.ts";

/** Routes of the key role for operators of groups: it makes and holds their secrets. */
export function groupRoutes(role: KeyRole): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.addHook("onRequest", operatorOnly(role.stores.operatorTokens));
    acceptJson(app, role.limits);
    app.get(routes.groups, async (): Promise<readonly GroupView[]> => (await role.stores.groups.list(role.now())).map(viewOf));
    app.post(routes.groups, async (request): Promise<GroupView> => {
      return viewOf(await createGroup(role, new JsonBody(request, ["name"]).name("name")));
    });
    app.post<{ Params: { name: string } }>(routes.groupMembers, async (request): Promise<GroupView> => {
      const body = new JsonBody(request, ["add", "remove"]);
      const change = { add: body.namesOrNone("add", maxMembersAtOnce), remove: body.namesOrNone("remove", maxMembersAtOnce) };
      if (change.add.length + change.remove.length === 0) throw apiErrors.error("API_REQUEST_WRONG", { field: "add" });
      return viewOf(await changeMembers(role, nameOf(request.params.name), change));
    });
    app.post<{ Params: { name: string } }>(routes.groupEpoch, async (request): Promise<GroupView> => {
      return viewOf(await rotateGroup(role, nameOf(request.params.name)));
    });
  };
}

function viewOf({ name, members, epoch, epochEndsAtSeconds }: Group): GroupView {
  return { name, members, epoch, epochEndsAtSeconds };
}

/** What can be no name is no group's. */
function nameOf(text: string): Name {
  try {
    return parseName(text);
  } catch {
    throw apiErrors.error("GROUP_UNKNOWN");
  }
}
