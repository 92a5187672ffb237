export { publishedProjects, repositoryRoot, trackedFiles, type PublishedProject } from './projects.ts';
export { staticImports, type BuiltModule } from './built-modules.ts';
