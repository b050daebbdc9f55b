import {
  type ArtefactView,
  apiErrors,
  defaultTokenLifeSeconds,
  type ReleaseStatementView,
  type ReleaseView,
  routes,
  type ServerView,
  type TerminalView,
  type TokenView,
} from "@sealane/api";
import { maxPublicationBytes } from "@sealane/software";
import type { FastifyInstance } from "fastify";
import { acceptArtefact, acceptCbor, acceptJson, artefactBody, cborBody, JsonBody } from "../http/bodies.ts";
import { operatorOnly } from "../http/operator-only.ts";
import { serverVersion } from "../labels.ts";
import { maxTokenLifeSeconds, minTokenLifeSeconds } from "../limits.ts";
import { makeToken } from "../operator/make-token.ts";
import type { OperatorRole } from "../operator/operator-role.ts";
import { publishRelease } from "../operator/publish-release.ts";
import { enrollingView, releaseView, terminalView } from "../operator/views.ts";
import { parseArtefactId } from "./download.ts";

/** Routes of the operator role: tokens, terminals, releases, uploads. It holds no private key. */
export function operatorRoutes(role: OperatorRole): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.addHook("onRequest", operatorOnly(role.stores.operatorTokens));
    await app.register(async (scope) => tokenRoutes(scope, role));
    await app.register(async (scope) => releaseRoutes(scope, role));
    await app.register(async (scope) => uploadRoutes(scope, role));
    viewRoutes(app, role);
  };
}

function tokenRoutes(app: FastifyInstance, role: OperatorRole): void {
  acceptJson(app, role.limits);
  const model = /^(?! )[ -~]{1,64}(?<! )$/;
  const life = { min: minTokenLifeSeconds, max: maxTokenLifeSeconds };
  app.post(routes.tokens, async (request, reply): Promise<TokenView> => {
    const body = new JsonBody(request, ["name", "model", "lifeSeconds"]);
    const lifeSeconds = body.integerOr("lifeSeconds", life, defaultTokenLifeSeconds);
    reply.header("cache-control", "no-store");
    return await makeToken(role, { name: body.name("name"), model: body.text("model", model), lifeSeconds });
  });
}

function releaseRoutes(app: FastifyInstance, role: OperatorRole): void {
  acceptCbor(app, role.limits);
  app.post(routes.releases, { bodyLimit: maxPublicationBytes }, async (request): Promise<ReleaseView> => {
    return releaseView(await publishRelease(role, cborBody(request)));
  });
}

function uploadRoutes(app: FastifyInstance, role: OperatorRole): void {
  acceptArtefact(app);
  app.post(routes.artefacts, async (request): Promise<ArtefactView> => {
    const length = request.headers["content-length"];
    const upload = { pieces: artefactBody(request), promisedBytes: length === undefined ? null : Number(length) };
    const { artefactId, fileBytes, stored } = await role.artefacts.add(upload);
    return { artefactId: artefactId.toHex(), fileBytes, stored };
  });
}

function viewRoutes(app: FastifyInstance, role: OperatorRole): void {
  const { stores, anchor, name, decryption } = role;
  app.get(routes.terminals, async (): Promise<readonly TerminalView[]> => {
    const active = (await stores.terminals.list()).map(terminalView);
    const enrolling = (await stores.enrolmentTokens.listEnrolling()).flatMap(enrollingView);
    return [...active, ...enrolling].sort((a, b) => (a.name < b.name ? -1 : 1));
  });
  app.get<{ Params: { name: string } }>(routes.terminal, async (request): Promise<TerminalView> => {
    const found = await stores.terminals.find(request.params.name);
    if (found === null) throw apiErrors.error("TERMINAL_UNKNOWN");
    return terminalView(found);
  });
  app.get<{ Params: { id: string } }>(routes.release, async (request): Promise<ReleaseStatementView> => {
    const release = await stores.releases.findAny(parseArtefactId(request.params.id));
    if (release === null) throw apiErrors.error("RELEASE_UNKNOWN");
    return { ...releaseView(release), statement: release.statement.toBase64() };
  });
  app.get(routes.releases, async (): Promise<readonly ReleaseView[]> => (await stores.releases.list()).map(releaseView));
  const view: ServerView = {
    name,
    fingerprint: anchor.thumbprint.toHex(),
    decryptionChains: decryption.map(({ chain }) => chain.map((der) => der.toBase64())),
    authority: anchor.der.toBase64(),
    version: serverVersion,
  };
  app.get(routes.server, async (): Promise<ServerView> => view);
}
